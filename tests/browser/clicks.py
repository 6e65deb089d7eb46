"""Clicks whose moment a test decides."""


def click_again(page, button):
    """Be the second click of a double click, after what the first one asked for was answered."""
    box = button.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    # What the click sends is sent, and told to the test, before this.
    page.evaluate("fetch('/healthz')")
