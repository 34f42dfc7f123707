// A CUDA device that does nothing, for a PyTorch that was built without CUDA.
//
// Tensors that have a shape, a type and a device, but no numbers (FakeTensorMode), need no kernels.
// Autograd and pinned memory still ask for the device, and end the process where there is none.

#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

using c10::Device;
using c10::DeviceIndex;
using c10::DeviceType;
using c10::Stream;

struct Guard final : c10::impl::NoOpDeviceGuardImpl<DeviceType::CUDA> {
  static Device only() { return Device(DeviceType::CUDA, 0); }
  Device exchangeDevice(Device) const override { return only(); }
  Device getDevice() const override { return only(); }
  Stream getStream(Device) const noexcept override { return Stream(Stream::DEFAULT, only()); }
  Stream getDefaultStream(Device) const override { return getStream(only()); }
  Stream exchangeStream(Stream) const noexcept override { return getStream(only()); }
};

struct Hooks final : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  at::Allocator* getPinnedMemoryAllocator() const override { return c10::GetCPUAllocator(); }
};

namespace at {
C10_REGISTER_GUARD_IMPL(CUDA, Guard)
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, Hooks)
}
