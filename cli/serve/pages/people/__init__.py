"""The pages of people: the list, a person, and what can be changed about one."""
