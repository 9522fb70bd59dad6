using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain.Automatic;

/// <summary>
/// Starts the domain's services, and the network of a program that uses sockets, in an image that contains this assembly.
/// </summary>
/// <remarks>The project sets the switches, and the compiler leaves out what is not wanted.</remarks>
internal static unsafe partial class AutomaticStart
{
    private const string Switches = "Xenlet.Domain.Automatic.";
    private const string DrivesDevicesSwitch = Switches + nameof(DrivesDevices);
    private const string StartsNetworkSwitch = Switches + nameof(StartsNetwork);
    private const string FindsNetworkSwitch = Switches + nameof(FindsNetwork);
    private const string ReportsMetricsSwitch = Switches + nameof(ReportsMetrics);

    // A program that ends sooner, or starts its own services, does not pay for these. Requests of the tool stack wait that long: it gives
    // a guest seconds.
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(250);

    /// <summary>Whether to start buses and drivers too.</summary>
    [FeatureSwitchDefinition(DrivesDevicesSwitch)]
    private static bool DrivesDevices => AppContext.TryGetSwitch(DrivesDevicesSwitch, out bool isOn) && isOn;

    /// <summary>Whether to start the network, whatever the program does.</summary>
    [FeatureSwitchDefinition(StartsNetworkSwitch)]
    private static bool StartsNetwork => AppContext.TryGetSwitch(StartsNetworkSwitch, out bool isOn) && isOn;

    /// <summary>Whether to start the network if the program uses sockets.</summary>
    [FeatureSwitchDefinition(FindsNetworkSwitch)]
    private static bool FindsNetwork => AppContext.TryGetSwitch(FindsNetworkSwitch, out bool isOn) && isOn;

    /// <summary>Whether to listen to the program's meters, for the report.</summary>
    [FeatureSwitchDefinition(ReportsMetricsSwitch)]
    private static bool ReportsMetrics => AppContext.TryGetSwitch(ReportsMetricsSwitch, out bool isOn) && isOn;

    /// <summary>Runs before <c>Main</c>, which does not wait for the services.</summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The tool stack may send requests before the program has done anything.")]
    public static void Start()
    {
        try
        {
            if (ReportsMetrics)
            {
                ProgramReports.Add(new MetricReport());
            }

            if (StartsNetwork)
            {
                AutomaticNetwork.Start(Guest.Machine, Guest.Sockets);
            }
            else if (FindsNetwork && FindNetwork() is not 0 and nint start)
            {
                ((delegate*<SocketUse, AddressFamily>)start)(new SocketUse(Guest.Machine, Guest.Sockets));
            }
            else if (Guest.Hypervisor.IsPresent)
            {
                // There is no tool stack without Xen.
                DomainStore.Expect();
                new Thread(StartDelayed) { IsBackground = true, Name = "services start" }.Start();
            }
        }
        catch (OutOfMemoryException error)
        {
            AutomaticServices.ReportFailure(error);
        }
    }

    private static void StartDelayed()
    {
        DomainStore.WaitUntilWanted(Delay);
        AutomaticServices.Start(Guest.Machine, DrivesDevices ? DomainServices.StartAutomaticallyAsync : ControlServices.StartAsync);
    }

    /// <summary>
    /// The address of the getter of <see cref="SocketUse.AddressFamily"/>; 0 if it is not in the image. linker/NetworkUse.cs writes this.
    /// </summary>
    [LibraryImport("xenlet", EntryPoint = "xenlet_network_start")]
    [SuppressGCTransition]
    private static partial nint FindNetwork();
}
