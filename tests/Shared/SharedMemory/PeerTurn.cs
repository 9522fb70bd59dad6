namespace Xenlet.Tests.SharedMemory;

/// <summary>
/// What <see cref="RewrittenCode"/> calls before each read of memory: another domain's turn to change it. Public, because the product's
/// own assemblies call it once they are rewritten.
/// </summary>
public static class PeerTurn
{
    [ThreadStatic]
    private static bool s_isTaken;

    /// <summary>What the other domain does; <see langword="null"/> for nothing.</summary>
    internal static Action? Act { get; set; }

    /// <summary>Gives the other domain its turn. Its own reads give it none.</summary>
    public static void Take()
    {
        if (Act is { } act && !s_isTaken)
        {
            s_isTaken = true;
            try
            {
                act();
            }
            finally
            {
                s_isTaken = false;
            }
        }
    }
}
