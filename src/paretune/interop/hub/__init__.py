"""Results on the Hugging Face Hub: a Space with the page, a data set with the records, and cards."""
