namespace Xenlet.GuestImage;

/// <summary>
/// The guest test image: one program, its cases chosen by arguments, so that the tests on the host need one compilation only.
/// <code>
/// --list             name, subject and kind of every case, one a line
/// all                every case that can share a process
/// portable           those of them whose claims hold on Linux too
/// subject:NAME       the cases of one subject that can share a process
/// NAME [argument...] one case; what follows belongs to it if it runs alone, else more names may follow
/// </code>
/// A case that can share prints <c>case NAME: ok</c> or <c>case NAME: FAILED why</c>; the exit code is the number of failures.
/// </summary>
internal static class Program
{
    private const int BadArguments = 100;

    private static readonly Dictionary<string, Case> Code = new IEnumerable<Case>[]
    {
        ExceptionCases.All, NativeCases.All, CollectorCases.All, ThreadCases.All, PreemptionCases.All, LockCases.All, TimerCases.All,
        TaskCases.All,
        SystemCases.All, FileCases.All, SocketCases.All, SocketTableCases.All, NameCases.All, NetworkInformationCases.All, StackCases.All,
        EchoCases.All, BusyEchoCases.All, LastWordsCases.All, PeerCases.All, FloodCases.All, InterfaceCases.All, KernelFaceCases.All,
        WallCases.All, RandomCallCases.All, OutputCases.All,
        HostCases.All,
        MemoryAccountCases.All, StoreCases.All,
        XenBusCases.All, NetworkCases.All, BlockCases.All, BackEndCases.All, NetworkServerCases.All, FilterCases.All,
        HostileCases.All, HostileFrontCases.All, LifeCases.All,
        SuspendCases.All, EndingCases.All,
    }.SelectMany(cases => cases).ToDictionary(one => one.Name);

    private static int Main(string[] args)
    {
        Hidden.Initialize(args.Length);
        string[] different = [.. CaseTable.All.Select(entry => entry.Name).Except(Code.Keys),
            .. Code.Keys.Except(CaseTable.All.Select(entry => entry.Name))];
        if (different.Length > 0)
        {
            Console.Error.WriteLine($"the case table and the code differ: {string.Join(", ", different)}");
            return BadArguments;
        }

        switch (args)
        {
            case []:
                Console.Error.WriteLine("usage: --list | all | portable | subject:NAME | CASE [argument...]");
                return BadArguments;
            case ["--list"]:
                foreach (CaseEntry entry in CaseTable.All)
                {
                    Console.WriteLine($"{entry.Name} {entry.Subject} {entry.Kind}");
                }

                return 0;
            case ["all"]:
                return RunShared(CaseTable.All.Where(entry => entry.Kind is CaseKind.Shared or CaseKind.GuestOnly));
            case ["portable"]:
                return RunShared(CaseTable.All.Where(entry => entry.Kind == CaseKind.Shared));
            case [var only] when only.StartsWith("subject:", StringComparison.Ordinal):
                return RunShared(CaseTable.All.Where(entry => entry.Subject == only[8..]
                    && entry.Kind is CaseKind.Shared or CaseKind.GuestOnly
                    && entry.Subject == only[8..]));
        }

        CaseEntry[] named = [.. CaseTable.All.Where(entry => args.Contains(entry.Name))];
        if (named.FirstOrDefault(entry => entry.Name == args[0]) is { Name: not null, Kind: CaseKind.Alone or CaseKind.Ending } alone)
        {
            return Code[alone.Name].Run(args[1..]);
        }

        string[] unknown = [.. args.Except(named.Select(entry => entry.Name))];
        if (unknown.Length > 0)
        {
            Console.Error.WriteLine($"no such case: {string.Join(", ", unknown)}");
            return BadArguments;
        }

        return RunShared(args.Select(name => named.First(entry => entry.Name == name)));
    }

    private static int RunShared(IEnumerable<CaseEntry> entries)
    {
        int failures = 0;
        int count = 0;
        foreach (CaseEntry entry in entries)
        {
            count++;
            try
            {
                Code[entry.Name].Run([]);
                Console.WriteLine($"case {entry.Name}: ok");
            }
            catch (Exception failure)
            {
                failures++;
                string why = failure is CheckFailedException ? failure.Message : failure.ToString();
                Console.WriteLine($"case {entry.Name}: FAILED {why.ReplaceLineEndings(" | ")}");
            }
        }

        Console.WriteLine($"cases: {count}, failed: {failures}");
        return failures;
    }
}
