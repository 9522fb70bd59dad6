namespace Xenlet.Net.Tests.Simulation;

/// <summary>
/// An exception planted at one step of a stack: a call of its clock, its randomness or its link, which it makes nearly everywhere.
/// </summary>
internal sealed class TestFaults
{
    /// <summary>At which step from now on the exception comes; 0 for none.</summary>
    public int At { get; set; }

    /// <summary>Steps so far.</summary>
    public int Steps { get; private set; }

    public void Step()
    {
        if (++Steps == At)
        {
            throw new InvalidOperationException("planted");
        }
    }
}
