export * from './bm25'
export { scanRows, dotRows, distanceRows } from './flat'
export * from './ivf'
export * from './train'
