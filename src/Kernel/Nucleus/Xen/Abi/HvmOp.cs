using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>HYPERVISOR_hvm_op: parameters shared by the tool stack and the guest (hvm/hvm_op.h, hvm/params.h).</summary>
internal static unsafe class HvmOp
{
    public const uint HVMOP_set_param = 0;
    public const uint HVMOP_get_param = 1;

    public const uint HVM_PARAM_CALLBACK_IRQ = 0;
    public const uint HVM_PARAM_STORE_PFN = 1;
    public const uint HVM_PARAM_STORE_EVTCHN = 2;
    public const uint HVM_PARAM_CONSOLE_PFN = 17;
    public const uint HVM_PARAM_CONSOLE_EVTCHN = 18;
    public const uint HVM_PARAM_VM_GENERATION_ID_ADDR = 34;

    /// <summary>Type of a HVM_PARAM_CALLBACK_IRQ value, in bits 56 to 63: bits 0 to 7 are an interrupt vector.</summary>
    public const ulong HVM_PARAM_CALLBACK_TYPE_VECTOR = 2;

    /// <summary>Reads a parameter of this domain.</summary>
    public static long GetParameter(uint index, out ulong value)
    {
        xen_hvm_param argument = new() { domid = DomainId.DOMID_SELF, index = index };
        long result = Hypercall.Invoke(HypercallNumber.__HYPERVISOR_hvm_op, HVMOP_get_param, (ulong)&argument);
        value = argument.value;
        return result;
    }

    /// <summary>Sets a parameter of this domain. A guest may set only a few, such as CALLBACK_IRQ; others return -EPERM.</summary>
    public static long SetParameter(uint index, ulong value)
    {
        xen_hvm_param argument = new() { domid = DomainId.DOMID_SELF, index = index, value = value };
        return Hypercall.Invoke(HypercallNumber.__HYPERVISOR_hvm_op, HVMOP_set_param, (ulong)&argument);
    }
}

/// <summary>Argument of HVMOP_set_param and HVMOP_get_param (hvm/hvm_op.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct xen_hvm_param
{
    public ushort domid;
    public ushort pad;
    public uint index;
    public ulong value;
}
