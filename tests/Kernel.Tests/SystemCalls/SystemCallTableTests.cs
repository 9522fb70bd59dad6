using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.SystemCalls;

/// <summary>The table of system calls in docs/programs.md agrees with the nucleus.</summary>
public sealed unsafe partial class SystemCallTableTests : NucleusTest
{
    /// <summary>Numbers below are Linux's on x86-64.</summary>
    private const int Numbers = 512;

    /// <summary>Calls that do not return to the caller that each test plays.</summary>
    private static readonly string[] Ends = ["exit", "exit_group", "rt_sigreturn"];

    /// <summary>Calls that are refused for their first argument, a path. Others that take a path have it as their second.</summary>
    private static readonly string[] PathFirst = ["readlink", "statfs", "chdir", "unlink", "rmdir", "chmod", "rename"];

    private static readonly TableEntry[] Table = [.. ReadTable()];

    public static TheoryData<string> AnsweredCalls => [.. Table.Where(static entry => !entry.IsRefused).Select(static entry => entry.Call)];

    public static TheoryData<string, string> RefusedCalls
    {
        get
        {
            TheoryData<string, string> calls = [];
            foreach (TableEntry entry in Table.Where(static entry => entry.IsRefused))
            {
                calls.Add(entry.Call, entry.State.Split('`')[1]);
            }

            return calls;
        }
    }

    [Fact]
    public void Every_call_that_the_nucleus_knows_is_in_the_table_once_and_no_other() => Assert.Equal(
        typeof(SystemCallNumber).GetFields().Select(static field => field.Name).Order(StringComparer.Ordinal),
        Table.Select(static entry => NameInCode(entry.Call)).Order(StringComparer.Ordinal));

    [Fact]
    public void A_call_is_supported_partly_supported_or_refused_with_an_error_and_the_table_says_what_differs() => Assert.All(
        Table,
        static entry =>
        {
            Assert.Matches("^(supported|partly|refused, `E[A-Z0-9]+`)$", entry.State);
            Assert.True(entry.State == "supported" || entry.Difference.Length > 0, $"what differs in {entry.Call}?");
        });

    [Theory]
    [MemberData(nameof(RefusedCalls))]
    public void A_call_that_is_refused_answers_the_error_of_the_table(string call, string error)
    {
        ulong path = Store("/no/such/path\0"u8);

        long answer = Call(Number(call), PathFirst.Contains(call) ? path : 0, path);

        Assert.Equal(-(long)typeof(Errno).GetField(error)!.GetRawConstantValue()!, answer);
        Assert.Equal("", KernelLog.Text);
    }

    [Theory]
    [MemberData(nameof(AnsweredCalls))]
    public void A_call_that_is_not_refused_is_there(string call)
    {
        Thread* caller = Current;

        Exception? end = Record.Exception(() => _ = Enter(Number(call)));

        Assert.Equal(Ends.Contains(call), end is MachineHaltedException or PanicException);
        Assert.NotEqual(-Errno.ENOSYS, (long)caller->Frame.Rax);
        Assert.DoesNotContain("is not implemented", KernelLog.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_other_call_answers_ENOSYS_and_is_logged_once()
    {
        int[] absent = [.. Enumerable.Range(0, Numbers).Except(Table.Select(static entry => Number(entry.Call)))];

        foreach (int number in absent.Concat(absent))
        {
            Assert.Equal((number, -Errno.ENOSYS), (number, Call(number)));
        }

        Assert.Equal(string.Concat(absent.Select(static number => $"xenlet: system call {number} is not implemented\n")), KernelLog.Text);
    }

    /// <summary>A program cannot fill the log.</summary>
    [Fact]
    public void Of_the_numbers_that_Linux_does_not_use_only_the_first_is_logged()
    {
        foreach (int number in (int[])[Numbers, Numbers + 1, NucleusCall.First - 1])
        {
            Assert.Equal(-Errno.ENOSYS, Call(number));
        }

        Assert.Equal("xenlet: system call 512 is not implemented\n", KernelLog.Text);
    }

    private static int Number(string call) => (int)typeof(SystemCallNumber).GetField(NameInCode(call))!.GetRawConstantValue()!;

    /// <summary>"set_tid_address" is SetTidAddress in the code.</summary>
    private static string NameInCode(string call) =>
        string.Concat(call.Split('_').Select(static word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static IEnumerable<TableEntry> ReadTable()
    {
        string root = typeof(SystemCallTableTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(static attribute => attribute.Key == "RepositoryRoot").Value!;
        string document = File.ReadAllText(Path.Combine(root, "docs", "programs.md"), Encoding.UTF8);
        string section = document.Split("\n## ").Single(static section => section.StartsWith("System calls\n", StringComparison.Ordinal));
        return from Match row in Row().Matches(section)
               from Match call in CallName().Matches(row.Groups["calls"].Value)
               select new TableEntry(call.Groups["name"].Value, row.Groups["state"].Value.Trim(), row.Groups["difference"].Value.Trim());
    }

    [GeneratedRegex(@"^\| (?<calls>`[^|]*) \| (?<state>[^|]*) \|(?<difference>[^|]*)\|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`(?<name>[a-z0-9_]+)`")]
    private static partial Regex CallName();

    /// <summary>A call as the table has it.</summary>
    /// <param name="Call">Linux's name.</param>
    /// <param name="State">"supported", "partly", or "refused" and the error.</param>
    /// <param name="Difference">What differs from Linux.</param>
    private sealed record TableEntry(string Call, string State, string Difference)
    {
        public bool IsRefused => State.StartsWith("refused", StringComparison.Ordinal);
    }
}
