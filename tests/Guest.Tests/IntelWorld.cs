using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// The same Xen and dom0 on an Intel processor, emulated by Bochs: guests run by VMX and call Xen by vmcall. It is several times
/// slower than QEMU, so few tests run there in <c>build.sh test</c> and the others in <c>build.sh soak</c>; a processor there is busy
/// even when nothing happens.
/// </summary>
public sealed class IntelWorld : XenWorld
{
    /// <inheritdoc/>
    public override string Name => "under Xen on Intel";

    /// <inheritdoc/>
    protected override async Task<XenMachine> StartMachineAsync()
    {
        // The machine would idle, at a processor's cost, while the image is made.
        await Images.Cases;
        return await XenMachine.StartAsync(new XenMachineOptions { Dom0Directory = Images.Dom0Directory, Machine = EmulatedMachine.Intel });
    }
}

/// <summary>The tests that run on the Intel machine, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class OnIntel : ICollectionFixture<IntelWorld>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "under Xen on Intel";
}
