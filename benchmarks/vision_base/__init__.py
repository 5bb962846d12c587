"""How the small model of images and text that comes with Paretune was made."""
