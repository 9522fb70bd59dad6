namespace Xenlet.Guest.Tests;

/// <summary>What Xen has in use, for comparisons between before and after.</summary>
internal static class XenUse
{
    // Xen frees the memory of a domain that ended while the tool stack goes on.
    private const int Tries = 60;

    /// <summary>Xen's free memory, event channels of all domains, and grants that are mapped or copied.</summary>
    public static async Task<string> CountAsync(XenWorld world) => (await world.Machine.RunInDom0Async(
        """
        xl info | grep free_memory
        xl dmesg -c > /dev/null
        xl debug-keys e
        xl debug-keys g
        xl dmesg > /tmp/keys
        echo channels $(grep -c ' s=[1-6] ' /tmp/keys)
        echo grants $(grep -c '\[0x[0-9a-f]*\] ' /tmp/keys)
        """,
        World.Limit)).ThrowIfFailed("counting what Xen has in use").Output.Trim();

    /// <summary>Fails unless Xen soon has in use again what it had.</summary>
    /// <param name="world">Where.</param>
    /// <param name="before">What <see cref="CountAsync"/> gave.</param>
    public static async Task AssertIsAgainAsync(XenWorld world, string before)
    {
        string now = await CountAsync(world);
        for (int i = 0; i < Tries && now != before; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1));
            now = await CountAsync(world);
        }

        Assert.Equal(before, now);
    }
}
