using System.Globalization;

namespace Xenlet.Bench;

/// <summary>What the command line asks for.</summary>
/// <param name="Parts">What is measured.</param>
/// <param name="IsQuick">Whether the run has no time.</param>
/// <param name="Rows">
/// Of TCP and the web service, the rows that have this in their names, and of back ends what progress names so; all if it is empty.
/// </param>
/// <param name="Rounds">How often each guest is measured.</param>
internal sealed record BenchOptions(IReadOnlySet<Part> Parts, bool IsQuick, string Rows, int Rounds)
{
    /// <summary>What <c>--help</c> shows.</summary>
    public const string Help = """
        usage: ./build.sh bench [PART...] [--quick] [--rounds=COUNT] [--rows=WORD]

        Measures Xenlets beside Linux guests and writes tables as Markdown; docs/measures.md says what each row means.
        Without a PART it measures all, which takes half an hour and more.

          start    from `xl create` to a guest's first line
          size     images, and the least memory they run in
          work     system calls, threads, exceptions, memory; and where a Xenlet's start goes
          store    xenstore: reads and watches
          bus      XenBus: devices found and plugged
          disks    disks, with what they cost; `xl save` and `xl restore`
          network  pings and frames, with what they cost
          tcp      one server of sockets: bulk, requests, connections, memory
          web      one web service: the first answer, requests over HTTP and HTTPS, memory
          backends disks and a network served by a Xenlet and by Linux: speed, processor time, memory

        --quick measures one round, and of tcp, web and backends less of everything, to see that it works.
        --rounds measures as many rounds, otherwise 3.
        --rows measures of tcp and web only rows that have the word in their names, such as receive, request-1-64, loopback, idle or json,
        and of backends what progress names so, such as 'TCP of two Linux guests'.

        """;

    private const string Quick = "--quick";
    private const string RowsIs = "--rows=";
    private const string RoundsIs = "--rounds=";

    /// <summary>Reads the arguments; no part means all.</summary>
    /// <exception cref="ArgumentException">One is unknown; the message names it, and what there is.</exception>
    public static BenchOptions Parse(IReadOnlyList<string> arguments)
    {
        Dictionary<string, Part> known = Enum.GetValues<Part>().ToDictionary(part => part.ToString().ToLowerInvariant());
        HashSet<Part> parts = [];
        bool isQuick = false;
        string rows = "";
        int? rounds = null;
        foreach (string argument in arguments)
        {
            if (argument == Quick)
            {
                isQuick = true;
            }
            else if (argument.StartsWith(RowsIs, StringComparison.Ordinal))
            {
                rows = argument[RowsIs.Length..];
            }
            else if (argument.StartsWith(RoundsIs, StringComparison.Ordinal))
            {
                string number = argument[RoundsIs.Length..];
                rounds = int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0
                    ? count
                    : throw new ArgumentException($"'{argument}': a number of rounds is 1 or more.");
            }
            else
            {
                parts.Add(known.TryGetValue(argument, out Part part)
                    ? part
                    : throw new ArgumentException($"there is no part '{argument}'; there are {string.Join(", ", known.Keys)}."));
            }
        }

        return new(parts.Count == 0 ? known.Values.ToHashSet() : parts, isQuick, rows, rounds ?? (isQuick ? 1 : 3));
    }
}
