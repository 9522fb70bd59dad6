namespace Xenlet.GuestBench;

/// <summary>Stands where a guest without Linux reports its boot; Linux has no such figures for a program.</summary>
internal sealed class BootReport
{
    private BootReport()
    {
    }

    public static BootReport AtMain() => new();

#pragma warning disable CA1822 // The guest's report has state.
    public void WriteAfterFirstLine()
#pragma warning restore CA1822
    {
    }
}
