"""From a reply to a judgement: what the model answered, and whether that is right."""
