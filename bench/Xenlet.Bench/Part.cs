namespace Xenlet.Bench;

/// <summary>A part of the measurements that can be run alone.</summary>
internal enum Part
{
    /// <summary>Starts of guests.</summary>
    Start,

    /// <summary>Sizes of images, and the least memory.</summary>
    Size,

    /// <summary>Computing in a guest, and where a Xenlet's start goes.</summary>
    Work,

    /// <summary>xenstore.</summary>
    Store,

    /// <summary>XenBus.</summary>
    Bus,

    /// <summary>Disks, and saving guests.</summary>
    Disks,

    /// <summary>Network interfaces.</summary>
    Network,

    /// <summary>TCP through sockets.</summary>
    Tcp,

    /// <summary>A web service.</summary>
    Web,

    /// <summary>Back ends.</summary>
    BackEnds,
}

/// <summary>Parts as the command line names them.</summary>
internal static class Parts
{
    /// <summary>What <c>--help</c> shows.</summary>
    public const string Help = """
        usage: ./build.sh bench [PART...] [--quick] [--rows=WORD]

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
        --rows measures of tcp only rows that have the word in their names, such as receive, request-1-64, loopback or idle.

        """;

    /// <summary>Reads the names of parts; none means all.</summary>
    /// <exception cref="ArgumentException">One is unknown; the message has the list.</exception>
    public static IReadOnlySet<Part> Parse(IReadOnlyList<string> names)
    {
        Dictionary<string, Part> known = Enum.GetValues<Part>().ToDictionary(Name);
        return names.Count == 0
            ? known.Values.ToHashSet()
            : names.Select(name => known.TryGetValue(name, out Part part)
                ? part
                : throw new ArgumentException($"there is no part '{name}'; there are {string.Join(", ", known.Keys)}.")).ToHashSet();
    }

    private static string Name(Part part) => part.ToString().ToLowerInvariant();
}
