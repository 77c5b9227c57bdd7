"""Pictures opened safely and decoded."""
