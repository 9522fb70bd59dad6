using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Packages.Tests;

/// <summary>What Debian's libvirt says of a domain.</summary>
/// <param name="Schema">What <c>virt-xml-validate</c> says.</param>
/// <param name="Native">What <c>virsh domxml-to-native xen-xl</c> says: the domain for xl.</param>
internal sealed record LibvirtAnswer(string Schema, string Native);

/// <summary>
/// Debian's libvirt in dom0: nowhere else does its driver for Xen start. Nothing is installed on this machine: the packages are fetched as
/// for a system that has none, and unpacked into a directory of their own.
/// </summary>
internal static class Libvirt
{
    /// <summary>
    /// Fetches the packages and puts what is in them into one file. No model that libvirt knows has as few features as the emulated
    /// processor, and without one its driver does not start: the only model left has nothing but a floating-point unit.
    /// </summary>
    private const string Fetch = """
        set -eu
        mkdir -p packages/partial root
        : >none-installed
        apt-get install -qq -y --no-install-recommends --download-only -o Dir::State::status="$PWD/none-installed" \
            -o Dir::Cache::archives="$PWD/packages" -o APT::Sandbox::User=root -o Debug::NoLocking=1 \
            libvirt-daemon-driver-xen libvirt-clients libxml2-utils || {
            echo "apt-get cannot fetch Debian 12's libvirt; if its lists are missing or old: sudo apt-get update"; exit 1; }
        for package in packages/*.deb; do
            dpkg-deb --fsys-tarfile "$package" | tar -x -C root --exclude ./usr/share/doc --exclude ./usr/share/man \
                --exclude ./usr/share/locale --exclude '*/gconv/*' --exclude '*/libvirt_driver_[!l]*' --exclude ./var
        done
        cd root
        mkdir -p dev proc sys tmp run/xenstored var/log/libvirt var/cache/libvirt var/lib/libvirt var/lib/xen
        ln -s /run var/run
        echo root:x:0:0:root:/:/bin/sh >etc/passwd
        echo root:x:0: >etc/group
        cd usr/share/libvirt/cpu_map
        echo "<cpus><model name='least'><decode host='on' guest='on'/><feature name='fpu'/></model></cpus>" >least.xml
        { echo "<cpus><arch name='x86'>"
          for part in x86_vendors x86_features least; do echo "<include filename='$part.xml'/>"; done
          echo "</arch></cpus>"; } >index.xml
        """;

    private const string Ask = """
        set -e
        root=/tmp/libvirt
        mkdir $root
        mount -t tmpfs libvirt $root
        tar -xf /host/libvirt.tar -C $root
        for directory in dev proc sys; do mount -o rbind /$directory $root/$directory; done
        mount -o bind /run/xenstored $root/run/xenstored
        cp /bin/busybox $root/bin/sh
        chroot $root libvirtd >/host/libvirtd.log 2>&1 &
        until [ -S $root/run/libvirt/libvirt-sock ]; do
            kill -0 $! || { cat /host/libvirtd.log; exit 1; }
            usleep 200000
        done
        for domain in /host/libvirt-*.xml; do
            cp $domain $root/domain.xml
            chroot $root virt-xml-validate /domain.xml domain >$domain.schema 2>&1 || true
            chroot $root virsh --quiet --connect xen:///system domxml-to-native xen-xl --xml /domain.xml >$domain.native 2>&1 || true
        done
        cat /host/libvirtd.log
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static string Cache => Path.Combine(PackedFeed.RepositoryRoot, "artifacts", "libvirt");

    /// <summary>Asks about domains, in libvirt's format.</summary>
    public static async Task<IReadOnlyList<LibvirtAnswer>> AskAsync(params IReadOnlyList<string> domains)
    {
        Directory.CreateDirectory(Cache);
        string unpacked = Path.Combine(Cache, "root");
        if (Directory.Exists(unpacked))
        {
            Directory.Delete(unpacked, recursive: true);
        }

        (await Commands.RunAsync("sh", ["-c", Fetch], Cache)).AssertSucceeded();
        await using XenMachine machine = await XenMachine.StartAsync(new XenMachineOptions
        {
            Dom0Directory = Path.Combine(PackedFeed.RepositoryRoot, "artifacts", "dom0"),
            TimeScale = 10,
        });
        (await Commands.RunAsync("tar", ["-cf", Path.Combine(machine.SharedDirectory, "libvirt.tar"), "."], unpacked)).AssertSucceeded();
        string[] files = [.. domains.Select((_, i) => Path.Combine(
            machine.SharedDirectory, string.Create(CultureInfo.InvariantCulture, $"libvirt-{i}.xml")))];
        for (int i = 0; i < files.Length; i++)
        {
            await File.WriteAllTextAsync(files[i], domains[i]);
        }

        (await machine.RunInDom0Async(Ask, Limit)).ThrowIfFailed("asking libvirt");
        return [.. files.Select(file => new LibvirtAnswer(File.ReadAllText(file + ".schema"), File.ReadAllText(file + ".native")))];
    }
}
