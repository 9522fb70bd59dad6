using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// A guest on one processor attacks its disk and its interface, which a Xenlet on the other one serves, while an honest guest works with a
/// disk of the same Xenlet. Run by <c>build.sh soak</c>.
/// </summary>
[Trait("Category", "Soak")]
[Collection(OnTwoProcessors.Name)]
public sealed class HostileFrontEndTests(TwoProcessorWorld world)
{
    [Fact]
    public async Task A_guest_that_attacks_its_back_ends_harms_no_other_and_leaves_nothing_when_it_is_destroyed()
    {
        string free = await FreeMemoryAsync();
        await using (BlockServerGuest server = await BlockServerGuest.StartAsync(world))
        {
            await using BlockGuest honest = await BlockGuest.StartAsync(world, server.Disk("honest", "xvda"));
            Assert.Equal("ok", await honest.DoAsync("fill xvda 1"));
            XenGuest hostile = (XenGuest)await world.StartAsync(new GuestConfig
            {
                Name = world.NewName(),
                Kernel = await Images.Cases,
                MemoryMiB = World.DeviceMemory,
                CommandLine = "hostile-front",
                Disks = [server.Disk("hostile", "xvda")],
                Vifs = [$"backend={server.Guest.Name}"],
            });
            await using (hostile)
            {
                await server.Dom0Async($"xl vcpu-pin {hostile.DomainId} 0 0");
                Task<int> attacks = hostile.WaitForTextAsync("attacked", World.Limit, 0);
                int rounds = 0;
                while (!attacks.IsCompleted || rounds == 0)
                {
                    Assert.Equal("ok", await honest.DoAsync($"random xvda 40 {++rounds}"));
                }

                await attacks;
                await hostile.DestroyAsync();
            }

            Assert.Equal("", await server.Dom0Async($"xenstore-ls $home/backend | grep '= \"{hostile.DomainId}\"' || true"));
            Assert.Equal("ok", await honest.DoAsync("random xvda 40 99"));
            await honest.Guest.DetachDiskAsync("xvda");
            await honest.SeesAsync("bus vbd/51712: departed");
            await server.MappedAsync("0 pages, 0 stuck");
            await honest.EndAsync(isUnplugged: true);
            await server.EndAsync();
        }

        Assert.Equal(free, await FreeMemoryAsync());
    }

    /// <summary>Xen's free memory, when it is what it was before or does not change any more.</summary>
    private async Task<string> FreeMemoryAsync() => (await world.Machine.RunInDom0Async(
        "for i in 1 2 3 4 5 6 7 8; do now=$(xl info free_memory); test \"$now\" = \"$old\" && break; old=$now; sleep 1; done; echo $now",
        World.Limit)).ThrowIfFailed("xl info").Output.Trim();
}
