"""What people read: the comment, the check, the card, incidents and letters."""
