
namespace Xenlet.Kernel.Tests.Xen;

/// <summary>A test on a nucleus that has just booted under Xen, with a program whose first thread runs.</summary>
public abstract unsafe class XenNucleusTest : NucleusTest, IDisposable
{
    protected XenNucleusTest()
    {
        Xen = new SimulatedDomain();
        XenPlatform.Initialise();
        EventChannels.Initialise(Xen.Shared);
        PvClock.Initialise(Xen.Shared);
        PvConsole.Find();
        XenInterrupts.Connect();
        Nucleus.Platform.Timer.Initialise();
        Xen.Calls.Clear();
    }

    private protected SimulatedDomain Xen { get; }

    public void Dispose()
    {
        Xen.Dispose();
        GC.SuppressFinalize(this);
    }
}
