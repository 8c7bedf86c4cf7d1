"""A recording's turns as the page ``/recording`` shows them."""
