namespace Xenlet.Kernel;

/// <summary>
/// Whose turn it is to have the domain's connection to xenstore: the program's, and while it has it not, a stand-in's. For those who
/// implement <see cref="IXenStoreLinkFactory"/>.
/// </summary>
public sealed class XenStoreTurns
{
    private readonly Lock _lock = new();
    private IXenStoreStandIn? _standIn;

    // Links that the program has, and those that it is about to open.
    private int _taken;

    /// <summary>The program opens a link: nobody stands in for it when this returns, until <see cref="GiveBack"/>.</summary>
    public void Take()
    {
        IXenStoreStandIn? standIn;
        lock (_lock)
        {
            _taken++;
            standIn = _standIn;
        }

        // Outside the lock: a stand-in that is about to open asks for its turn before it stands aside.
        standIn?.StandAside();
    }

    /// <summary>The program has disposed of a link, or could not open it.</summary>
    public void GiveBack()
    {
        IXenStoreStandIn? standIn;
        lock (_lock)
        {
            _taken--;
            standIn = _taken == 0 ? _standIn : null;
        }

        standIn?.StepIn();
    }

    /// <summary>The stand-in, which is told of later turns, is about to open a link.</summary>
    /// <returns>Whether it is its turn.</returns>
    public bool TryStandIn(IXenStoreStandIn standIn)
    {
        ArgumentNullException.ThrowIfNull(standIn);
        lock (_lock)
        {
            _standIn = standIn;
            return _taken == 0;
        }
    }
}
