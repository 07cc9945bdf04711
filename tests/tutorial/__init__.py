"""The manual, in order: each chapter is a test that runs in seconds. Start with test_01_a_record_arrives.py."""
