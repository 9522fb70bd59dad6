using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>
/// The addresses of <c>ip=</c> in xl's vif line, which libxl writes to the back end's directory as they are. Xen's script vif-route takes
/// them for a list with blanks between, each with a prefix or none.
/// </summary>
internal static class ToolStackAddresses
{
    /// <summary>As many as an interface of the stack has at most.</summary>
    public const int Most = 16;

    /// <summary>Longer than any address with its prefix.</summary>
    private const int LongestWord = 64;

    /// <summary>Reads what another domain wrote.</summary>
    /// <param name="text">The node's value.</param>
    /// <param name="refused">What of it is not taken, in words for people; null if all is.</param>
    public static IReadOnlyList<AddressAssignment> Parse(string text, out string? refused)
    {
        List<AddressAssignment> found = [];
        refused = null;
        foreach (string word in text.Split((char[]?)[' ', '\t', '\n', ','], StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.Length > LongestWord || !AddressAssignment.TryParse(word, out AddressAssignment assignment))
            {
                refused ??= $"'{ForeignText.Escape(word[..Math.Min(word.Length, LongestWord)])}', which is no address of an interface";
            }
            else if (found.Count == Most)
            {
                refused ??= $"more than {Most} addresses";
            }
            else if (!found.Contains(assignment))
            {
                found.Add(assignment);
            }
        }

        return found;
    }
}
