using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>One boot that ran several cases: what each of them reported.</summary>
internal sealed class SharedBoot
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    private readonly Dictionary<string, string> _results = [];
    private readonly string _end;

    private SharedBoot(string console, string end)
    {
        Console = console.Replace("\r", "", StringComparison.Ordinal);
        _end = end;
        foreach (string line in Lines.Where(line => line.StartsWith("case ", StringComparison.Ordinal)))
        {
            int colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (colon > 0)
            {
                _results[line[5..colon]] = line[(colon + 2)..];
            }
        }
    }

    /// <summary>All that the guest wrote.</summary>
    public string Console { get; }

    /// <summary>The same, line by line.</summary>
    public string[] Lines => Console.Split('\n');

    public static async Task<SharedBoot> RunAsync(World world, string commandLine)
    {
        await using IGuest guest = await world.StartCaseAsync(commandLine);
        string end;
        try
        {
            end = $"the guest ended: {await guest.WaitForEndAsync(Limit)}";
        }
        catch (QemuXenException failure)
        {
            end = failure.Message;
        }

        return new SharedBoot(guest.Console.Text, end);
    }

    /// <summary>Fails unless the case reported that it went well.</summary>
    public void AssertOk(string subject, string name)
    {
        if (_results.TryGetValue(name, out string? result))
        {
            Assert.True(result == "ok", $"{name} ({subject}): {result.Replace(" | ", "\n", StringComparison.Ordinal)}");
        }
        else
        {
            string last = _results.Count > 0 ? _results.Keys.Last() : "none";
            Assert.Fail(
                $"{name} ({subject}) reported nothing; the last case that did is {last}. {_end}\n{string.Join('\n', Lines.TakeLast(30))}");
        }
    }
}
