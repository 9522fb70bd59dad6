using System.Globalization;
using System.Text.RegularExpressions;

namespace Xenlet.QemuXen.Machine;

/// <summary>One line of <c>xl list -v</c>.</summary>
/// <param name="Name">The domain's name.</param>
/// <param name="Id">Its number.</param>
/// <param name="IsPaused">Whether it is paused.</param>
/// <param name="IsDying">Whether its resources are being freed.</param>
/// <param name="ShutdownReason">Why it shut down, or null while it runs.</param>
internal sealed partial record DomainState(string Name, int Id, bool IsPaused, bool IsDying, GuestEndReason? ShutdownReason)
{
    /// <summary>Parses the table. Skips lines that are not domains (the heading, messages).</summary>
    public static List<DomainState> ParseList(string table)
    {
        List<DomainState> domains = new();
        foreach (string line in table.Split('\n'))
        {
            Match match = Line().Match(line);
            if (!match.Success)
            {
                continue;
            }

            // Running, blocked, paused, shut down, a letter for the reason, dying.
            string state = match.Groups["state"].Value;
            GuestEndReason? reason = null;
            if (state[3] == 's')
            {
                reason = int.TryParse(match.Groups["reason"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int code)
                    ? (GuestEndReason)code
                    : GuestEndReason.Crash;
            }

            int id = int.Parse(match.Groups["id"].Value, CultureInfo.InvariantCulture);
            domains.Add(new(match.Groups["name"].Value, id, state[2] == 'p', state[5] == 'd', reason));
        }

        return domains;
    }

    [GeneratedRegex(@"^(?<name>\S+)\s+(?<id>\d+)\s+\d+\s+\d+\s+(?<state>[a-z-]{6})\s+[\d.]+\s+[0-9a-f]{8}-[0-9a-f-]+\s+(?<reason>\S+)")]
    private static partial Regex Line();
}
