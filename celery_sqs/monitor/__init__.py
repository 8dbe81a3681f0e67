"""What becomes of each task, in tables; remote control and Flower on them."""
