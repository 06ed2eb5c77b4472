# metadata_sweep worker/agents_metadata.cpp: a text is written over the one in force
s/^  if ((staged || is_new) && /  if (/
