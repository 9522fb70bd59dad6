using System.Globalization;

namespace Xenlet.QemuXen.Machine;

/// <summary>The kinds of lines from the agent in dom0. The script dom0/agent describes the protocol.</summary>
internal enum AgentMessageKind
{
    /// <summary>The agent serves commands from now on.</summary>
    Ready,

    /// <summary>A command ended: <see cref="AgentMessage.Number"/> and <see cref="AgentMessage.Status"/>.</summary>
    Done,

    /// <summary>A domain was created.</summary>
    Introduced,

    /// <summary>A domain shut down or was destroyed.</summary>
    Released,

    /// <summary>A list of domains is in the file <see cref="AgentMessage.Number"/>.</summary>
    Domains,

    /// <summary>The directory shared with the host is no longer mounted.</summary>
    Unmounted,

    /// <summary>dom0 could not start: <see cref="AgentMessage.Text"/>.</summary>
    Failed,
}

/// <summary>One line from the agent.</summary>
internal sealed record AgentMessage(AgentMessageKind Kind, int Number = 0, int Status = 0, string Text = "")
{
    /// <summary>Parses a line. Returns null if it does not belong to the protocol.</summary>
    public static AgentMessage? Parse(string line)
    {
        string[] words = line.Split(' ');
        return words switch
        {
            ["ready"] => new(AgentMessageKind.Ready),
            ["unmounted"] => new(AgentMessageKind.Unmounted),
            ["done", var id, var status] when ParseNumber(id) is { } n && ParseNumber(status) is { } s => new(AgentMessageKind.Done, n, s),
            ["event", "introduceDomain"] => new(AgentMessageKind.Introduced),
            ["event", "releaseDomain"] => new(AgentMessageKind.Released),
            ["domains", var id] when ParseNumber(id) is { } n => new(AgentMessageKind.Domains, n),
            ["failed", .. var text] => new(AgentMessageKind.Failed, Text: string.Join(' ', text)),
            _ => null,
        };
    }

    private static int? ParseNumber(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
