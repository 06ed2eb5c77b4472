# turn_sweep worker/tracer.cpp: a span is seen before the turn of its message is committed
s/^  writer_\.claim(span_);/&\n  writer_.publish();/
