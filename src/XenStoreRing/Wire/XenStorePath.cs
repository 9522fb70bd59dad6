using System.Buffers;
using System.Globalization;

namespace Xenlet.XenStoreRing;

/// <summary>
/// The rules for paths in <c>docs/misc/xenstore.txt</c>: absolute paths start with "/", others lie below the domain's own path
/// (<c>/local/domain/N</c>), and special watch paths start with "@".
/// </summary>
public static class XenStorePath
{
    private const string Allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/_@";

    private static readonly SearchValues<char> AllowedCharacters = SearchValues.Create(Allowed);
    private static readonly SearchValues<byte> AllowedBytes = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/_@"u8);

    /// <summary>
    /// A description of the rule that <paramref name="path"/> breaks, or <see langword="null"/> for a valid path.
    /// </summary>
    public static string? FindBrokenRule(ReadOnlySpan<char> path)
    {
        if (path.IsEmpty)
        {
            return "a path must not be empty";
        }

        int bad = path.IndexOfAnyExcept(AllowedCharacters);
        if (bad >= 0)
        {
            return string.Create(CultureInfo.InvariantCulture,
                $"character U+{(int)path[bad]:X4} at offset {bad}: only A-Z a-z 0-9 - / _ @ are allowed");
        }

        int limit = path[0] == '/' ? XenStoreLimits.MaxAbsolutePath : XenStoreLimits.MaxRelativePath;
        if (path.Length > limit)
        {
            return string.Create(CultureInfo.InvariantCulture,
                $"{path.Length} bytes: {(path[0] == '/' ? "an absolute" : "a relative")} path may have {limit}");
        }

        if (path.Contains("//", StringComparison.Ordinal))
        {
            return "\"//\" is not allowed";
        }

        return path.Length > 1 && path[^1] == '/' ? "a \"/\" at the end is not allowed" : null;
    }

    /// <summary>Whether bytes from the other side form a valid path.</summary>
    public static bool IsValid(ReadOnlySpan<byte> path) =>
        !path.IsEmpty
        && path.Length <= (path[0] == (byte)'/' ? XenStoreLimits.MaxAbsolutePath : XenStoreLimits.MaxRelativePath)
        && !path.ContainsAnyExcept(AllowedBytes)
        && path.IndexOf("//"u8) < 0
        && (path.Length == 1 || path[^1] != (byte)'/');

    /// <summary>Whether bytes from the other side can be the name of a node in a directory.</summary>
    public static bool IsValidName(ReadOnlySpan<byte> name) =>
        !name.IsEmpty && name.Length < XenStoreLimits.MaxAbsolutePath && !name.ContainsAnyExcept(AllowedBytes) && !name.Contains((byte)'/');

    /// <summary>
    /// Joins <paramref name="node"/> to <paramref name="directory"/>. Returns <paramref name="directory"/> if <paramref name="node"/> is
    /// empty, and <paramref name="node"/> if <paramref name="directory"/> is empty (the domain's own directory).
    /// </summary>
    public static string Join(string directory, string node)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(node);
        if (node.Length == 0)
        {
            return directory;
        }

        return directory.Length == 0 ? node : directory == "/" ? "/" + node : directory + "/" + node;
    }

    /// <summary>Whether <paramref name="path"/> is <paramref name="root"/> or lies below it.</summary>
    public static bool IsAtOrBelow(ReadOnlySpan<char> path, ReadOnlySpan<char> root) =>
        path.StartsWith(root, StringComparison.Ordinal)
        && (path.Length == root.Length || root is "/" || path[root.Length] == '/');
}
