# history_sweep shm/client_emitter.cpp: an event is published before its bytes are written
s/^  compose(\*room, header, trace ? &\*trace : nullptr, payload);/  log_.publish();\n&/
