/// How the page of `history --html` looks: on a screen, on a phone, on paper, in the dark.
enum HistoryPageStyle {
    static let text = """
        :root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #fff; --rule: #d1d9e0;
          --applied: #2da44e; --running: #218bff; --interrupted: #bf8700; --failed: #cf222e; --abandoned: #82071e;
          --lock: #12261e; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --paper: #0d1117; --rule: #3d444d;
          --lock: #f0f6fc; } }
        @media print { :root { --ink: #000; --soft: #333; --paper: #fff; --rule: #999; --lock: #000; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 1.5rem; max-width: 80rem; background: var(--paper); color: var(--ink);
          font: 15px/1.45 system-ui, sans-serif; }
        h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.1rem; margin: 2rem 0 0; }
        p { margin: .25rem 0 .75rem; color: var(--soft); overflow-wrap: anywhere; }
        .legend { list-style: none; margin: .75rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem;
          font-size: .85rem; }
        .key { display: inline-block; width: 1.5rem; height: .7rem; border-radius: 2px; }
        table { width: 100%; border-collapse: collapse; }
        th, td { padding: .3rem .6rem; border-top: 1px solid var(--rule); text-align: right; white-space: nowrap; }
        thead th { border-top: 0; font-weight: 600; font-size: .85rem; color: var(--soft); }
        th:first-child { text-align: left; padding-left: 0; white-space: normal; overflow-wrap: anywhere; }
        tbody th { font-weight: 500; min-width: 12rem; }
        .line { width: 40%; text-align: left; padding: .3rem 0; overflow: hidden; }
        td.line { background: repeating-linear-gradient(90deg, var(--rule) 0 1px, transparent 1px 25%); }
        .bar { position: relative; height: .9rem; min-width: 4px; border-radius: 2px; display: flex; justify-content: flex-end;
          overflow: hidden; }
        .key, .bar, .lock, .pause, .tick, td.line { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
        .key.applied, .bar.applied { background: var(--applied); }
        .key.running, .bar.running { background: var(--running); }
        .key.interrupted, .bar.interrupted { background: var(--interrupted); }
        .key.failed, .bar.failed { background: var(--failed); }
        .key.abandoned, .bar.abandoned { background: repeating-linear-gradient(135deg, var(--abandoned) 0 4px,
          transparent 4px 8px); }
        .lock { background: var(--lock); min-width: 2px; }
        .bar .pause, .bar .tick { position: absolute; top: 0; bottom: 0; }
        .pause { background: repeating-linear-gradient(90deg, #fff9 0 2px, transparent 2px 4px), var(--soft);
          min-width: 2px; }
        .tick { width: 1px; background: #fffc; }
        tr.failed [data-label=outcome], tr.abandoned [data-label=outcome] { color: var(--failed); font-weight: 600; }
        .remark td { border-top: 0; padding: 0 0 .6rem 1rem; text-align: left; color: var(--soft);
          white-space: pre-wrap; overflow-wrap: anywhere; font: .85rem/1.4 ui-monospace, monospace; }
        section, tr { break-inside: avoid; }
        @media (max-width: 62rem) {
          body { padding: 1rem; }
          thead { display: none; }
          table, tbody, tr, th, td { display: block; width: 100%; }
          tr { border-top: 1px solid var(--rule); padding: .5rem 0; }
          tr.remark { border-top: 0; padding: 0; }
          th, td { border: 0; padding: .1rem 0; white-space: normal; }
          td.line { width: 100%; padding: .25rem 0; }
          td[data-label] { display: inline-block; width: auto; margin-right: 1rem; }
          td[data-label]::before { content: attr(data-label) " "; color: var(--soft); }
          td.none { display: none; }
          .remark td { padding: 0; }
        }
        """
}
