"""Trainings whose numbers were computed by Keras and are stored here."""
