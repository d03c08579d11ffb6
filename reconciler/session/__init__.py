"""What the verbs share, and the only place where the edges meet: from the surroundings to a plan that is sent."""
