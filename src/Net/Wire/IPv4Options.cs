namespace Xenlet.Net.Wire;

/// <summary>The options of an IPv4 header. All but source routes are skipped: what matters is whether they may be.</summary>
internal static class IPv4Options
{
    private const byte EndOfList = 0;
    private const byte NoOperation = 1;

    /// <summary>Whether options lie within the header.</summary>
    /// <param name="options">The header's bytes behind its fixed part.</param>
    /// <param name="route">The source route among them; empty without one. A second one makes the header malformed.</param>
    public static bool TryRead(ReadOnlySpan<byte> options, out ReadOnlySpan<byte> route) => TryFindRoute(options, out route, out _);

    /// <summary>The same, also telling of other options.</summary>
    /// <param name="options">The header's bytes behind its fixed part.</param>
    /// <param name="route">The source route among them; empty without one.</param>
    /// <param name="hasOthers">Whether there are other options, padding apart.</param>
    public static bool TryFindRoute(ReadOnlySpan<byte> options, out ReadOnlySpan<byte> route, out bool hasOthers)
    {
        route = default;
        hasOthers = false;
        while (!options.IsEmpty && options[0] != EndOfList)
        {
            if (options[0] == NoOperation)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options[1] < 2 || options[1] > options.Length)
            {
                return false;
            }

            if (options[0] is SourceRoute.Loose or SourceRoute.Strict)
            {
                if (!route.IsEmpty || options[1] < 3)
                {
                    return false;
                }

                route = options[..options[1]];
            }
            else
            {
                hasOthers = true;
            }

            options = options[options[1]..];
        }

        return true;
    }
}
