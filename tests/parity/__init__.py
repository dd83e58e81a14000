"""Scripts that run alike under Keras and under fastmlp."""
