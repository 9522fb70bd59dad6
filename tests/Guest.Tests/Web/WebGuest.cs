using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests.Web;

/// <summary>samples/Web in a guest, with dom0 as its client.</summary>
internal sealed class WebGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    /// <summary>Its address; samples/Web/web.sh knows it too.</summary>
    public const string Address = "10.0.0.2";

    /// <summary>Its port of HTTP, as every web guest has it.</summary>
    public const int Port = 8080;

    /// <summary>Where it is asked over HTTP.</summary>
    public const string Http = $"http://{Address}:8080";

    /// <summary>Where it is asked over HTTPS.</summary>
    public const string Https = $"https://{Address}:8443";

    /// <summary>What a request may take when the end has begun, in seconds. The guest itself is ended after a minute.</summary>
    public const int ShutdownSeconds = 30;

    public const int MemoryMiB = 96;

    private const string Dom0Address = "10.0.0.1/24";

    /// <summary>Starts the guest, and waits until it serves.</summary>
    /// <param name="world">Where.</param>
    /// <param name="memoryMiB">The domain's memory.</param>
    /// <param name="arguments">Arguments of its <c>Main</c>, separated by blanks.</param>
    public static async Task<WebGuest> StartAsync(XenWorld world, int memoryMiB = MemoryMiB, string arguments = "")
    {
        WebGuest guest = new(world, (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Web,
            MemoryMiB = memoryMiB,
            CommandLine = $"XENLET_IP={Address}/24 ShutdownSeconds={ShutdownSeconds} {arguments}".TrimEnd(),
            Vifs = [""],
        }));
        await guest.SeesAsync("Application started.");
        await guest.Dom0Async(
            $"""
            ip addr add {Dom0Address} dev xenbr0
            until ping -c 1 -W 1 {Address} > /dev/null; do usleep 50000; done
            """);
        return guest;
    }

    /// <summary>Shuts it down, and fails unless it ends in order.</summary>
    public async Task EndAsync()
    {
        await LeaveAsync();
        await Guest.ShutdownAsync();
        (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
    }

    /// <summary>Takes dom0's address away.</summary>
    public Task LeaveAsync() => Dom0Async($"ip addr del {Dom0Address} dev xenbr0");
}
