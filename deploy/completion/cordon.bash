# bash completion for cordon(1)

_cordon() {
  local cur prev words cword
  if declare -F _init_completion >/dev/null; then
    _init_completion || return
  else
    cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi
  local command=${words[1]:-} verb=${words[2]:-} options=
  if ((cword == 1)); then
    mapfile -t COMPREPLY < <(compgen -W 'audit cache catalogue check clients compare exception explain key list lists pause query reload root status top trace trust update upstreams why --help --version' -- "$cur")
    return
  fi
  case $command:$verb:$prev in
    audit:index:--to)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return ;;
  esac
  case $prev in
    -c | --config | --socket | --key | --checkpoint | --witness | --request | --dir | --output)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return ;;
    --key-file | --answer | --keys | --lists | --folder | --in-force | --oldest | --log | --root | --root-keys | --list-keys | --add-root | --drop-root | --add-list | --drop-list)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return ;;
    --override) mapfile -t COMPREPLY < <(compgen -W 'size public-suffix must-resolve own-addresses replay' -- "$cur"); return ;;
    --stream) mapfile -t COMPREPLY < <(compgen -W 'decisions queries changes all' -- "$cur"); return ;;
    --mode) mapfile -t COMPREPLY < <(compgen -W 'enforce log' -- "$cur"); return ;;
    --class) mapfile -t COMPREPLY < <(compgen -W 'designated parent-designated list-mention named-urged named-no-designation-found changed removed none-found' -- "$cur"); return ;;
    --scope) mapfile -t COMPREPLY < <(compgen -W 'own chain' -- "$cur"); return ;;
    --for) mapfile -t COMPREPLY < <(compgen -W '10m 1h 8h 1d' -- "$cur"); return ;;
    --before | --pseudonyms-before | --age | --since | --suffix | --type | --rcode | --provider | --class | --authority | --list | --action | --trigger | --exception | --what | --user | --limit | --after | --quorum | --old | --number | --name | --client | --count | --interval | --threshold | --root-threshold | --list-threshold | --publisher | --title | --created | --expires | --serial | --providers | --names | --prefixes | --timeout | --password-fd | --until | --from | --source | --override | --rounds | --last | --reason | --ticket | --licence | --approver | --rule | --id | --view | --to) return ;;
  esac
  case $command in
    audit)
      if ((cword == 2)); then options='check cosign forget impact index key prove report search top verify why witness --help'; else
        case $verb in
          check) options='--key --witness --quorum --json --help' ;;
          cosign) options='add ask request --witness --request --old --output --log --key --config --help' ;;
          forget) options='--before --pseudonyms-before --stream --reason --log --key-file --config --socket --json --help' ;;
          impact) options='--since --until --from --to --format --table --output --log --config --help' ;;
          index) options='--to --rebuild --json --quiet --log --config --help' ;;
          key) options='--config --json --help' ;;
          prove) options='--output --log --key --config --help' ;;
          report) options='exposure blocks exceptions evidence --provider --since --until --from --to --format --table --output --log --config --verify-key --key --password-fd --unsigned --help' ;;
          search) options='--since --until --client --name --suffix --type --rcode --view --provider --class --authority --list --rule --action --mode --trigger --exception --what --user --stream --newest --limit --after --follow --json --csv --quiet --log --config --help' ;;
          top) options='clients names providers lists rules --since --until --client --name --suffix --type --rcode --view --provider --class --authority --list --rule --action --mode --trigger --exception --what --user --stream --count --json --quiet --log --config --help' ;;
          why) options='--lists --json --log --config --help' ;;
          verify) options='--key --log --checkpoint --witness --quorum --quick --age --config --json --help' ;;
          witness) options='add key show sign --dir --name --number --log --key --config --help' ;;
        esac
      fi ;;
    check) options='--json --print --example --manual --help' ;;
    explain) options='--client --listener --view --at --answer --lists --keys --threshold --live --config --socket --json --help' ;;
    why) options='--client --view --config --socket --json --help' ;;
    query) options='--tcp --no-edns --dnssec --timeout --json --help' ;;
    exception)
      if ((cword == 2)); then options='add check list remove sign --help'; else
        case $verb in
          add) options='--rule --until --for --from --ticket --licence --approver --reason --scope --exact --view --id --public-suffix --until-restart' ;;
          remove) options='--rule --id --view --reason --until-restart' ;;
          check) options='--keys --threshold --ignore-time --help' ;;
          sign) options='--key --password-fd --help' ;;
        esac
        [[ $verb == check || $verb == sign ]] || options+=' --config --socket --json --help'
      fi ;;
    pause)
      if ((cword == 2)); then options='all end list --help'; else
        case $verb in
          list) ;;
          end) options='all --reason --until-restart' ;;
          *) options='--for --reason --until-restart' ;;
        esac
        options+=' --config --socket --json --help'
      fi ;;
    compare) options='--timeout --json --help' ;;
    status) options='--fingerprint --config --socket --json --help' ;;
    lists | reload | upstreams) options='--config --socket --json --help' ;;
    clients) options='--count --config --socket --json --help' ;;
    top) options='--interval --once --config --socket --json --help' ;;
    trace) options='--client --view --tcp --dnssec --config --socket --json --help' ;;
    trust) if ((cword == 2)); then options='acknowledge --help'; else options='--reason --config --socket --json --help'; fi ;;
    update) options='--dry-run --once --every --publisher --source --from --override --force --reason --rounds --last --json --quiet --config --help' ;;
    cache)
      if ((cword == 2)); then options='flush show --help'; else
        case $verb in
          flush) options='--under --all --config --socket --json --help' ;;
          show) options='--under --config --socket --json --help' ;;
        esac
      fi ;;
    key)
      if ((cword == 2)); then options='generate rotate show --help'; else
        case $verb in
          generate) options='--no-password --password-fd --help' ;;
          rotate) options='--root --expires --created --help' ;;
          show) options='--json --help' ;;
        esac
      fi ;;
    catalogue)
      if ((cword == 2)); then options='make sign verify --help'; else
        case $verb in
          make) options='--publisher --expires --serial --created --help' ;;
          sign) options='--key --password-fd --help' ;;
          verify) options='--root --ignore-time --json --help' ;;
        esac
      fi ;;
    root)
      if ((cword == 2)); then options='make rotate show sign verify --help'; else
        case $verb in
          make) options='--publisher --title --expires --created --root-keys --list-keys --root-threshold --list-threshold --providers --names --prefixes --help' ;;
          rotate) options='--expires --created --add-root --drop-root --add-list --drop-list --root-threshold --list-threshold --help' ;;
          show) options='--json --help' ;;
          sign) options='--key --password-fd --help' ;;
          verify) options='--folder --ignore-time --json --help' ;;
        esac
      fi ;;
    list)
      if ((cword == 2)); then options='advance build diff export gate history import release rollback show sign stages stats verify --help'; else
        case $verb in
          advance) options='--reason --all --config --socket --json --help' ;;
          build) options='--config --output --quiet --json --help' ;;
          diff) options='--all --json --help' ;;
          export) options='--format --keys --threshold --ignore-time --action --origin --output --all --strict --help' ;;
          gate) options='--config --publisher --in-force --oldest --log --override --reason --json --help' ;;
          history) options='--config --socket --json --help' ;;
          import) options='rpz --id --provider --output --origin --title --serial --created --expires --category --scope --confidence --quiet --help' ;;
          release) options='--reason --config --socket --json --help' ;;
          rollback) options='--to --reason --config --socket --json --help' ;;
          show) options='--rules --json --help' ;;
          sign) options='--key --password-fd --help' ;;
          stages) options='--config --socket --json --help' ;;
          stats) options='--quiet --json --help' ;;
          verify) options='--keys --threshold --ignore-time --json --help' ;;
        esac
      fi ;;
  esac
  if [[ $cur == -* || $cword -eq 2 && $command =~ ^(audit|cache|catalogue|exception|key|list|pause|root|trust)$ ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
}
complete -F _cordon cordon
