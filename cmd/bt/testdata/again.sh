# again.sh PATTERN COMMAND... runs a command until a line of its output matches, because what has
# no CPU for seconds does not answer in time. The path of this file is in $AGAIN.
pattern=$1; shift
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	code=0; "$@" >again.out 2>again.err || code=$?
	grep -Eq -e "$pattern" again.out && break
	sleep 0.5
done
cat again.out; cat again.err >&2; exit $code
