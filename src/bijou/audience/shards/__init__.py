"""Users in several processes: slots of users, who holds them, how they are asked and how they move."""
