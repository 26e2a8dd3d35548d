extension Supervisor {
    /// The shell's program.
    ///
    /// Arguments: the programs' directory, the server's folder, its port, the lines for `postgresql.conf`. Commands on
    /// standard input, one answer line for each: `initialize PASSWORD`, `start`, `stop SIGNAL`. At the end of input
    /// the server is stopped and the folder removed.
    ///
    /// The server gets neither the socket nor the pipe of the answers, lest it keep them open. It is a child, so its
    /// process identifier cannot come to mean another process before the shell has seen it end. A stopped server is
    /// continued, or it would never act on a signal. Nothing waits without a limit: end of input must be noticed.
    static let script = #"""
        programs=$1 folder=$2 port=$3 settings=$4
        data=$folder/data run=$folder/run log=$folder/server.log
        server=

        ended_within() {
            deadline=$(($(date +%s) + $1))
            while kill -0 "$server"; do
                [ "$(date +%s)" -lt "$deadline" ] || return 1
                sleep 0.02
            done
            server=
        }

        stop() {
            [ -n "$server" ] || return 0
            kill "-$1" "$server"
            kill -CONT "$server"
            ended_within "$2" && return 0
            kill -QUIT "$server"
            ended_within 30
        }

        initialize() {
            printf '%s\n' "$1" | "$programs/initdb" --pgdata="$data" --username=postgres --pwfile=/dev/stdin \
                --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C --no-sync >>"$log" 2>&1 \
                && printf '%s\n' "$settings" >>"$data/postgresql.conf" && mkdir -m 700 "$run"
        }

        start() {
            [ -z "$server" ] || return 0
            "$programs/postgres" -D "$data" </dev/null >>"$log" 2>&1 &
            server=$!
            deadline=$(($(date +%s) + 60))
            until "$programs/pg_isready" -q -h "$run" -p "$port"; do
                kill -0 "$server" || { server=; return 1; }
                [ "$(date +%s)" -lt "$deadline" ] || { stop QUIT 30; return 1; }
                sleep 0.02
            done
        }

        trap '' INT TERM HUP
        umask 077
        while read -r command argument; do
            case $command in
            initialize) initialize "$argument" && echo done || echo failed ;;
            start) start && echo "$server" || echo failed ;;
            stop) stop "$argument" 60 && echo done || echo failed ;;
            esac
        done
        stop QUIT 30
        for attempt in 1 2 3 4 5; do
            rm -rf "$folder" && break
            sleep 0.2
        done
        """#
}
