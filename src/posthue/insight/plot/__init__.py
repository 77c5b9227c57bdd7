"""One SVG plot kit and one palette."""
