"""Methods that need more than peft's generic treatment, a file each, and those that are not of peft."""
