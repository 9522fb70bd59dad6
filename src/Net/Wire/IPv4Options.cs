namespace Xenlet.Net.Wire;

/// <summary>The options of an IPv4 header. All of them are skipped, so all that matters is whether they may be.</summary>
internal static class IPv4Options
{
    private const byte EndOfList = 0;
    private const byte NoOperation = 1;
    private const byte LooseSourceRoute = 131;
    private const byte StrictSourceRoute = 137;

    /// <summary>
    /// Whether a packet with these options is taken: they lie within the header, and ask for no source route. A host that answers
    /// source-routed packets lets anybody receive what is sent to an address that is not theirs.
    /// </summary>
    public static bool AreAcceptable(ReadOnlySpan<byte> options)
    {
        while (!options.IsEmpty && options[0] != EndOfList)
        {
            if (options[0] == NoOperation)
            {
                options = options[1..];
                continue;
            }

            if (options[0] is LooseSourceRoute or StrictSourceRoute
                || options.Length < 2 || options[1] < 2 || options[1] > options.Length)
            {
                return false;
            }

            options = options[options[1]..];
        }

        return true;
    }
}
