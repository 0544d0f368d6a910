"""What is sent: the submission door, acceptance, the queue, delivery."""
