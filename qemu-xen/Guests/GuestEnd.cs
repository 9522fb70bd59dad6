using System.Globalization;

namespace Xenlet.QemuXen;

/// <summary>How a guest ended.</summary>
/// <param name="Reason">Why the domain ended.</param>
/// <param name="ExitStatus">
/// The program's status from the last console line <c>xenlet: exit N</c>, or null if there is no such line.
/// </param>
public sealed record GuestEnd(GuestEndReason Reason, int? ExitStatus)
{
    private const string StatusPrefix = "xenlet: exit ";

    /// <summary>Parses the program's exit status from the last non-empty line of a console.</summary>
    public static int? ParseExitStatus(string console)
    {
        ReadOnlySpan<char> text = console.AsSpan().TrimEnd();
        ReadOnlySpan<char> line = text[(text.LastIndexOf('\n') + 1)..].Trim();
        return line.StartsWith(StatusPrefix, StringComparison.Ordinal)
            && int.TryParse(line[StatusPrefix.Length..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int status)
            ? status
            : null;
    }
}
