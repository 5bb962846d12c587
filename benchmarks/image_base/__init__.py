"""How the small image model that comes with Paretune is made: drawings by rule, training, and a check."""
