"""The HTTP service: uploads in, jobs and their files out, and the learner's page. It never loads the network."""
