# metadata_sweep worker/agents_metadata.cpp: a text is in force before the turn is committed
s/^  if (is_new) {$/  word.store(*next);\n&/
