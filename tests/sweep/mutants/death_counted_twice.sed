# adopt_sweep worker/recovery.cpp: a death is counted again when the one who has counted it dies
s/ || record_\.blamed_incarnation == died\.value//
