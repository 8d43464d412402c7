"""The definitions: jobs, schedules and sensors."""
